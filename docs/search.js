// Which results of a search come first: guides before the reference, and the reference before what
// is about the project. Titles count like index entries, which searchtools.js gives up to 100.
const GUIDES = /^(start|concepts|recipes|troubleshooting|guides\/)/;
const PROJECT = /^(changes|contributing|security)/;

var Scorer = {
  score: ([page, , , , score, , kind]) => {
    if (PROJECT.test(page)) return score / 10;
    if (!GUIDES.test(page) || kind === "index") return score;
    return score * (kind === "title" ? 6 : 3);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
