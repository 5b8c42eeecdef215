import { api, el, register } from "/static/shell.js";

register({
  name: "start",
  title: "Start",
  async open(view) {
    view.append(el("h1", {}, "Which pictures?"));
    const { entries } = await api.get("/api/library");
    view.append(el("ul", {}, entries.map((entry) => el("li", {}, `${entry.kind} ${entry.name} (${entry.pictures})`))));
  },
});
