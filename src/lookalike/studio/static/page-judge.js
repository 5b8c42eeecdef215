import { el, register } from "/static/shell.js";

register({
  name: "judge",
  title: "Judge",
  open(view) {
    view.append(el("h1", {}, "Judge"), el("p", { class: "soft" }, "Nothing is here yet."));
  },
});
