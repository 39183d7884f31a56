// Components of one page that look at the same particle and step tell each other where, without asking a server.
//
//   together(onWord) -> { say(id, place), told(id), leave() }
//
// `id` names what is looked at (of a stage, its id); a place is { particle, t }. `told` is what was said last of it.
const NAME = "dp-place";

export function together(onWord) {
  const last = (window.dpPlaces ??= new Map());
  const own = {};
  const hear = ({ detail }) => detail.from !== own && onWord(detail.id, detail.place);
  window.addEventListener(NAME, hear);
  return {
    say(id, place) {
      last.set(id, place);
      window.dispatchEvent(new CustomEvent(NAME, { detail: { from: own, id, place } }));
    },
    told: (id) => last.get(id) ?? null,
    leave: () => window.removeEventListener(NAME, hear),
  };
}
