// The link by which students come to a class, and the same as a QR code.

import { chip, el } from "./dom.js";
import { _ } from "./language.js";

/** Of this server, as this browser reaches it. */
const base = () => new URL("../..", location.href).href.replace(/\/$/, "");

/** @param {string} code */
export const studentsLink = (code) => `${base()}/class/${code}`;

/** @param {string} code */
export function linkView(code) {
  const link = studentsLink(code);
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  const copied = el("small", { role: "status" });
  const copy = chip(_("Copy"), () => navigator.clipboard?.writeText(link).then(() => (copied.textContent = _("Copied"))), { "data-action": "copy" });
  const hint = isHere ? el("p", { class: "dp-class-hint" }, _("This address works on this computer only. For others, start the playground with --host 0.0.0.0 and open this page at the address that it prints, or with --share.")) : null;
  return el("div", { class: "dp-class-invitation" }, el("img", { src: new URL(`../${code}/qr.svg?${new URLSearchParams({ base: base() })}`, location.href).href, alt: _("The link as a QR code"), width: 180, height: 180 }), el("div", {}, el("p", {}, _("Students open this link:")), el("code", { class: "dp-class-link" }, link), el("div", { class: "dp-class-row" }, copy, copied), hint));
}
