// A pasted error message is found whatever its sizes and names: from a long query, words that stand nowhere in the book are left out.
var splitQuery = query => {
  const known = Object.keys({...Search._index.terms, ...Search._index.titleterms}), stemmer = new Stemmer();
  const words = query.split(/[^\p{Letter}\p{Number}_]+/u).filter(Boolean);
  const stem = word => stemmer.stemWord(word.toLowerCase());
  return words.length < 4 ? words : words.filter(word => stem(word).length > 2 && known.some(term => term.includes(stem(word))));
};
// Sphinx's own scores; a page of just that name comes first, and for what looks like a message, the page on messages among equals.
const asked = new URLSearchParams(location.search).get("q") ?? "";
var Scorer = {
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5}, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
  score: ([page, title, anchor, , score]) => score + (page === "reference/error-messages" && /Error|[:([=]/.test(asked))
    + 20 * (!anchor && title.replace(/^<span.*?<\/span>/, "").toLowerCase() === asked.trim().toLowerCase()),
};
