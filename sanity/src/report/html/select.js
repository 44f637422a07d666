// Jobs that are singled out, by a search or by a row of a table: they keep
// their colours while all others pale, and one after the other is shown.

class Selection {
  constructor(jobs, name, records) {
    this.name = name;
    this.records = records;
    this.jobs = countJobs(jobs, records);
    this.at = -1;
    this.mask = new Uint8Array(jobs.count);
    for (const record of records) this.mask[record] = 1;
  }

  // Goes on, or back; the record that is shown now.
  step(by) {
    const count = this.records.length;
    this.at = this.at < 0 ? (by > 0 ? 0 : count - 1) : (this.at + by + count) % count;
    return this.records[this.at];
  }

  get text() {
    const jobs = `${this.jobs} ${this.jobs === 1 ? "job" : "jobs"} ${this.name}`;
    return this.at < 0 ? jobs : `${this.at + 1} of ${jobs}`;
  }
}

// Rows that stand for jobs select them; a heap's row also shows the heap.
function listenToTables(page) {
  byId("tables").addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-pick]");
    if (!row) return;
    const wasPicked = row.classList.contains("picked");
    page.clear();
    if (wasPicked) return;
    const { pick, from, to } = row.dataset;
    const { jobs } = page;
    if (pick === "heap") page.showHeap(BigInt(from));
    else if (pick === "age") page.select(new Selection(jobs, `that live ${from} to ${to} ticks`, ofAges(jobs, Number(from), Number(to))));
    else if (pick === "requested") page.select(new Selection(jobs, `requested ${sizesName([Number(from), Number(to)])}`, ofRequests(jobs, Number(from), Number(to))));
    else page.select(new Selection(jobs, sizesName([Number(from), Number(to)]), ofSizes(jobs, Number(from), Number(to))));
    row.classList.add("picked");
    if (row.querySelector("button")) row.querySelector("button").setAttribute("aria-pressed", "true");
    byId("maps").scrollIntoView({ block: "nearest" });
  });
}

function unpickRows() {
  for (const row of document.querySelectorAll("tr.picked")) {
    row.classList.remove("picked");
    const button = row.querySelector("button");
    if (button) button.setAttribute("aria-pressed", "false");
  }
}
