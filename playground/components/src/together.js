// Components of one page that look at the same particle and step tell each other where, without asking a server.
//
//   together(onWord) -> { say(id, place), told(id), leave() }
//
// `id` names what is looked at (of a stage, its id); a place is { particle, t }, particle being −1 for none. `told` is the
// last word, if it was about that: for whoever was not there yet when it was said.
const NAME = "dp-place";

export function together(onWord) {
  const own = {};
  const hear = ({ detail }) => detail.from !== own && onWord(detail.id, detail.place);
  window.addEventListener(NAME, hear);
  return {
    say(id, place) {
      window.dpPlace = { id, place };
      window.dispatchEvent(new CustomEvent(NAME, { detail: { from: own, id, place } }));
    },
    told: (id) => (window.dpPlace?.id === id ? window.dpPlace.place : null),
    leave: () => window.removeEventListener(NAME, hear),
  };
}
