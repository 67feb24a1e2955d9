"use strict";
// Runs the query of the form and shows the rows; without this script the form downloads them.
const form = document.getElementById("ask");
const message = document.getElementById("message");
const result = document.getElementById("result");
const given = new URLSearchParams(location.search).get("query");
if (given) form.elements.QUERY.value = given;

function cells(text) {
  // CSV as RFC 4180 has it: quoted cells may hold commas, quotes and line ends.
  const rows = [[]];
  const cell = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/gy;
  let match;
  while (cell.lastIndex < text.length && (match = cell.exec(text))) {
    const value = match[1].startsWith('"') ? match[1].slice(1, -1).replaceAll('""', '"') : match[1];
    rows.at(-1).push(value);
    if (match[2] !== ",") rows.push([]);
  }
  return rows.filter((row) => row.length);
}

function show(rows) {
  result.replaceChildren();
  rows.forEach((row, i) => {
    const line = result.insertRow();
    for (const value of row) {
      const place = document.createElement(i ? "td" : "th");
      if (i && /^https?:\/\//.test(value)) {
        const link = document.createElement("a");
        link.href = value;
        link.textContent = value;
        place.append(link);
      } else place.textContent = value;
      line.append(place);
    }
  });
}

form.addEventListener("submit", (event) => {
  if (event.submitter && event.submitter.id === "download") return;
  event.preventDefault();
  ask();
});

async function ask() {
  message.className = "";
  message.textContent = "…";
  const body = new URLSearchParams({
    LANG: "ADQL", QUERY: form.elements.QUERY.value, RESPONSEFORMAT: "csv", MAXREC: "1000",
  });
  const answer = await fetch("/tap/sync", { method: "POST", body });
  const text = await answer.text();
  if (!answer.ok) {
    const error = new DOMParser().parseFromString(text, "text/xml").querySelector("INFO");
    message.className = "error";
    message.textContent = error ? error.textContent : text;
    show([]);
    return;
  }
  const rows = cells(text);
  message.textContent = `${rows.length - 1} rows` + (rows.length > 1000 ? " (the first 1000)" : "");
  show(rows);
}

// A link that brings a query wants to see its rows.
if (given) ask();
