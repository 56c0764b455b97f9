// Mends what the page has already: everything but live events is there without this.
import { watchCharts } from "./charts.js";
import { completePage } from "./completion.js";
import { watchNumbers } from "./numbers.js";
import { watchForms } from "./forms.js";
import { writeLocally } from "./local.js";
import { watchLive } from "./live.js";
import { watchReports } from "./reports.js";

document.documentElement.classList.add("js");
writeLocally(document);
watchForms();
watchReports();
watchLive();
watchCharts(document);
completePage();
watchNumbers();
