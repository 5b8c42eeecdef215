// The pages of the studio, each loaded when it is first opened.

import { begin, offer } from "/static/shell.js";

offer("start", "Start", () => import("/static/page-start.js"));
offer("train", "Train", () => import("/static/page-train.js"));
offer("explore", "Explore", () => import("/static/page-explore.js"));
offer("edit", "Edit", () => import("/static/page-edit.js"));
offer("gallery", "Gallery", () => import("/static/page-gallery.js"));
offer("judge", "Judge", () => import("/static/page-judge.js"));

begin();
