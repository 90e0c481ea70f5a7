// Searches a built site as its page does, without a browser: search.cjs FOLDER WORDS... prints, for
// each of the words, the first results: [name, page and anchor].
const fs = require("fs");
const vm = require("vm");

const [folder, ...searches] = process.argv.slice(2);
const element = () => ({ dataset: {}, appendChild: (child) => child, lastChild: null });
const page = vm.createContext({
  _: (text) => text,
  _ready: () => {},
  document: { documentElement: element(), getElementById: () => null },
  DOCUMENTATION_OPTIONS: {},
  localStorage: { setItem: () => {} },
  SPHINX_HIGHLIGHT_ENABLED: false,
});
page.window = page;
const sources = ["_static/searchtools.js", "_static/language_data.js", "searchindex.js"];
// Classes and constants of one script are seen by the next in a browser, and here in one script.
const script = sources.map((name) => fs.readFileSync(`${folder}/${name}`, "utf8")).join("\n;");
const search = vm.runInContext(
  `${script}\n;(words) => Search._performSearch(...Search._parseQuery(words))`,
  page,
);
const found = searches.map((words) =>
  search(words).reverse().slice(0, 5).map(([name, title, anchor]) => [title, name + anchor]),
);
console.log(JSON.stringify(found));
