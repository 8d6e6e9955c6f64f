// The browser of transcripts. What a model wrote reaches the page as text nodes only; KaTeX, which gets formulas, trusts nothing.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const index = JSON.parse(byId("index").textContent);
  const list = byId("list"), view = byId("transcript"), shown = byId("shown");
  const controls = ["filter-outcome", "filter-benchmark", "filter-model", "filter-text"].map(byId);
  const PAGE = 300;  // entries that are made at once; more come while scrolling
  let matches = [], made = 0, chosen = -1;

  const make = (tag, css, text) => {
    const element = document.createElement(tag);
    if (css) element.className = css;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // $...$, $$...$$, \(...\), \[...\] and environments; a dollar before a space or after a digit's price stays a dollar.
  // What is longer than any formula is text: a page of opening marks must not cost its square.
  const FORMULA = /\$\$([\s\S]{1,4000}?)\$\$|\\\[([\s\S]{1,4000}?)\\\]|\\\(([\s\S]{1,4000}?)\\\)|(\\begin\{(align|equation|gather|multline|cases|array|pmatrix|bmatrix|vmatrix)(\*?)\}[\s\S]{1,4000}?\\end\{\5\6\})|\$(?! )((?:[^$\\]|\\[\s\S]){1,4000}?)\$(?!\d)/g;
  const formula = (parent, source, display) => {
    const span = make("span", "formula");
    if (typeof katex === "undefined") {
      span.textContent = source;
    } else {
      try {
        katex.render(source, span, {output: "mathml", displayMode: display, throwOnError: true, trust: false, strict: "ignore", maxExpand: 1000, maxSize: 20});
      } catch (error) {
        span.textContent = source;
        span.title = "not readable as a formula";
      }
    }
    parent.append(span);
  };
  const prose = (css, text) => {
    const element = make("div", css);
    let at = 0;
    for (const match of text.matchAll(FORMULA)) {
      element.append(text.slice(at, match.index));
      const display = match[1] ?? match[2] ?? match[4];
      formula(element, display ?? match[3] ?? match[7], display !== undefined);
      at = match.index + match[0].length;
    }
    element.append(text.slice(at));
    return element;
  };

  const KEYWORDS = new Set(("False None True and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda nonlocal not or pass raise return try while with yield").split(" "));
  const PYTHON = /("""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?)|(#[^\n]*)|(\b\d[\w.]*)|([A-Za-z_]\w*)/g;
  const code = (text) => {
    const element = make("pre", "code");
    let at = 0;
    for (const match of text.matchAll(PYTHON)) {
      const css = match[1] ? "string" : match[2] ? "comment" : match[3] ? "numeral" : KEYWORDS.has(match[4]) ? "keyword" : "";
      element.append(text.slice(at, match.index));
      element.append(css ? make("span", css, match[0]) : match[0]);
      at = match.index + match[0].length;
    }
    element.append(text.slice(at));
    return element;
  };

  const show = (number) => {
    chosen = number;
    const page = JSON.parse(byId("t" + number).textContent), verdict = page.verdict;
    view.replaceChildren();
    const name = verdict.id ? verdict.id : "#" + verdict.index;
    view.append(make("h3", "", [verdict.model, verdict.benchmark, name, verdict.sample ? "sample " + verdict.sample : ""].filter(Boolean).join(" · ")));
    view.append(prose("question", page.question));
    const line = make("p");
    line.append(make("b", verdict.outcome, verdict.outcome.replaceAll("_", " ")), " · answer ", make("code", "", verdict.answer || "none"),
      verdict.answer_rule ? " (" + verdict.answer_rule + ")" : "", " · reference ", make("code", "", verdict.reference));
    view.append(line);
    view.append(make("p", "", verdict.reason + (verdict.ending === "answered" ? "" : " · ended: " + verdict.ending.replaceAll("_", " ") + " " + page.ending_detail)));
    page.blocks.forEach(([kind, text], position) => {
      if (kind === "text") view.append(prose("text", text));
      else if (kind === "code") view.append(code(text));
      else view.append(make("pre", "execution", text));
      for (const [block, what, detail] of page.executions) {
        if (block === position) view.append(make("p", "note", "the code's run: " + what.replaceAll("_", " ") + " " + detail));
      }
    });
    for (const button of list.children) button.classList.toggle("chosen", Number(button.dataset.number) === number);
  };

  const more = () => {
    const end = Math.min(matches.length, made + PAGE);
    for (; made < end; ++made) {
      const number = matches[made], entry = index[number];
      const button = make("button", number === chosen ? "chosen" : "");
      button.type = "button";
      button.dataset.number = number;
      button.append(make("span", entry.f[0], entry.f[0].replaceAll("_", " ")), " " + entry.b + " " + (entry.id || "#" + entry.i) + (entry.s ? " (sample " + entry.s + ")" : ""));
      button.append(make("small", "", entry.q));
      button.append(make("small", "", (entry.a || "none") + " | " + entry.r));
      button.addEventListener("click", () => show(number));
      list.append(button);
    }
  };
  const filter = () => {
    const [outcome, benchmark, model, words] = controls.map((control) => (control ? control.value : ""));
    const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
    matches = [];
    index.forEach((entry, number) => {
      if (outcome && !entry.f.includes(outcome)) return;
      if (benchmark && entry.b !== benchmark) return;
      if (model && entry.m !== model) return;
      const text = (entry.id + " " + entry.q + " " + entry.a + " " + entry.r).toLowerCase();
      if (parts.every((part) => text.includes(part))) matches.push(number);
    });
    list.replaceChildren();
    list.scrollTop = 0;
    made = 0;
    more();
    shown.textContent = matches.length + " of " + index.length;
  };
  for (const control of controls) if (control) control.addEventListener("input", filter);
  list.addEventListener("scroll", () => { if (list.scrollTop + list.clientHeight > list.scrollHeight - 400) more(); });
  filter();
  if (matches.length > 0) show(matches[0]);
})();
