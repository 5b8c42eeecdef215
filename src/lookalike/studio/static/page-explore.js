import { el, register } from "/static/shell.js";

register({
  name: "explore",
  title: "Explore",
  open(view) {
    view.append(el("h1", {}, "Explore"), el("p", { class: "soft" }, "Nothing is here yet."));
  },
});
