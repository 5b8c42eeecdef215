import { el, register } from "/static/shell.js";

register({
  name: "train",
  title: "Train",
  open(view) {
    view.append(el("h1", {}, "Train"), el("p", { class: "soft" }, "Nothing is here yet."));
  },
});
