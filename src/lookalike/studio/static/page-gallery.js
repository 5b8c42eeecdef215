import { el, register } from "/static/shell.js";

register({
  name: "gallery",
  title: "Gallery",
  open(view) {
    view.append(el("h1", {}, "Gallery"), el("p", { class: "soft" }, "Nothing is here yet."));
  },
});
