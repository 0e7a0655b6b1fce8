// A table whose whole state stands in traits, so that a page reload shows it right again.
// Rows are patched in place: a button stays the same element while the numbers beside it change.
// Every text goes in through textContent, so nothing in an event can run.

function patchCell(td, value) {
  const text = value && typeof value === "object" ? value.text : value;
  const tone = value && typeof value === "object" ? value.tone || "" : "";
  const shown = text === undefined || text === null ? "" : String(text);
  if (td.firstChild?.nodeValue !== shown) td.textContent = shown;
  if (td.dataset.tone !== tone) td.dataset.tone = tone;
  if (td.title !== shown && shown.length > 12) td.title = shown;
}

function patchActions(td, actions, act) {
  const wanted = JSON.stringify(actions);
  if (td.dataset.actions === wanted) return;
  td.dataset.actions = wanted;
  const before = new Map([...td.children].map((child) => [child.dataset.name, child]));
  const buttons = actions.map((action) => {
    const made = before.get(action.name) || document.createElement("button");
    if (!made.dataset.name) {
      made.type = "button";
      made.dataset.name = action.name;
      made.addEventListener("click", (event) => {
        event.stopPropagation();
        act(action.name);
      });
    }
    made.textContent = action.label;
    made.disabled = Boolean(action.off);
    return made;
  });
  td.replaceChildren(...buttons);
}

function render({ model, el }) {
  el.classList.add("wb-table-host");
  const note = document.createElement("div");
  note.className = "wb-table-note";
  const box = document.createElement("div");
  box.className = "wb-table-box";
  const table = document.createElement("table");
  table.className = "wb-table";
  const head = table.createTHead().insertRow();
  const body = table.createTBody();
  box.append(table);
  el.append(box, note);
  const rows = new Map();
  let pointing = false;

  function drawHead() {
    const columns = model.get("columns");
    head.replaceChildren(
      ...columns.map((column) => {
        const th = document.createElement("th");
        th.textContent = column.label;
        th.dataset.align = column.align || "left";
        if (column.hint) th.title = column.hint;
        return th;
      }),
    );
    body.replaceChildren();
    rows.clear();
    draw();
  }

  function rowOf(key, columns) {
    if (rows.has(key)) return rows.get(key);
    const tr = document.createElement("tr");
    tr.dataset.key = key;
    for (const column of columns) {
      const td = tr.insertCell();
      td.dataset.column = column.key;
      td.dataset.align = column.align || "left";
      if (column.mono) td.classList.add("wb-mono");
      if (column.wrap) td.classList.add("wb-wrap");
    }
    tr.addEventListener("click", () => {
      if (!model.get("selectable")) return;
      model.set("selected", key);
      model.save_changes();
    });
    rows.set(key, tr);
    return tr;
  }

  function draw() {
    const wanted = model.get("rows");
    const columns = model.get("columns");
    const paused = pointing && model.get("pause") && rows.size > 0;
    if (!paused) {
      const keys = new Set(wanted.map((row) => row.key));
      for (const [key, tr] of rows) if (!keys.has(key)) { tr.remove(); rows.delete(key); }
      wanted.forEach((row, n) => {
        const tr = rowOf(row.key, columns);
        if (tr.dataset.tone !== (row.tone || "")) tr.dataset.tone = row.tone || "";
        columns.forEach((column, i) => {
          const td = tr.cells[i];
          if (column.key === "actions") {
            patchActions(td, row.actions || [], (name) => model.send({ key: row.key, action: name }));
          } else patchCell(td, row.cells[column.key]);
        });
        if (body.rows[n] !== tr) body.insertBefore(tr, body.rows[n] || null);
      });
    }
    const selected = model.get("selected");
    for (const [key, tr] of rows) tr.classList.toggle("wb-selected", key === selected && key !== "");
    el.classList.toggle("wb-selectable", model.get("selectable"));
    table.style.display = wanted.length ? "" : "none";
    box.style.maxHeight = model.get("height") || "none";
    const empty = wanted.length === 0;
    note.textContent = empty
      ? model.get("empty")
      : paused ? "paused while you point here" : model.get("caption");
    note.classList.toggle("wb-empty", empty && model.get("empty") !== "");
  }

  box.addEventListener("pointerenter", () => { pointing = true; draw(); });
  box.addEventListener("pointerleave", () => { pointing = false; draw(); });
  const redraw = () => draw();
  const names = ["rows", "selected", "caption", "empty", "height", "selectable"];
  for (const name of names) model.on(`change:${name}`, redraw);
  model.on("change:columns", drawHead);
  drawHead();
  return () => {
    for (const name of names) model.off(`change:${name}`, redraw);
    model.off("change:columns", drawHead);
  };
}

export default { render };
