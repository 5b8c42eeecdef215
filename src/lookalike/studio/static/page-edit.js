import { el, register } from "/static/shell.js";

register({
  name: "edit",
  title: "Edit",
  open(view) {
    view.append(el("h1", {}, "Edit"), el("p", { class: "soft" }, "Nothing is here yet."));
  },
});
