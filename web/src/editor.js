// SPDX-License-Identifier: Apache-2.0
// The SQL editor: CodeMirror with highlighting, history and the usual keys. It lives in a shadow root: there its styles are adopted
// sheets, which the page's content policy allows, and not a <style> element, which it forbids.

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
    { tag: tags.keyword, color: "var(--code-keyword)", fontWeight: "600" },
    { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
    { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
    { tag: [tags.typeName, tags.standard(tags.name)], color: "var(--code-type)" },
]);

const look = EditorView.theme({
    "&": { color: "var(--ink)", backgroundColor: "var(--sunken)", fontSize: "var(--t-3)", height: "100%" },
    "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
    ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--ink)", padding: "12px 0" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--muted)", border: "none" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--line-now)" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "var(--selection)" },
    ".cm-placeholder": { color: "var(--muted)" },
});

/** What is typed over a selection: the browser would keep the style of what was there in a style attribute, which the content policy forbids. */
const typeOver = EditorView.domEventHandlers({
    beforeinput(event, view) {
        if (event.inputType !== "insertText" || event.data === null || view.state.selection.main.empty) return false;
        view.dispatch(view.state.replaceSelection(event.data), { scrollIntoView: true, userEvent: "input.type" });
        return true;
    },
});

/**
 * @param {HTMLElement} host
 * @param {{text: string, label: string, onrun: () => void}} spec
 */
export function sqlEditor(host, spec) {
    const root = host.attachShadow({ mode: "open" });
    const parent = document.createElement("div");
    parent.style.height = "100%";
    root.append(parent);
    const run = () => {
        spec.onrun();
        return true;
    };
    const view = new EditorView({
        parent, root,
        state: EditorState.create({ doc: spec.text, extensions: [
            lineNumbers(), history(), drawSelection(), highlightActiveLine(), bracketMatching(), EditorView.lineWrapping,
            sql({ dialect: PostgreSQL, upperCaseKeywords: true }), syntaxHighlighting(colours), look,
            typeOver, EditorView.contentAttributes.of({ "aria-label": spec.label }), placeholder("SELECT …"),
            // Tab stays what it is everywhere else: the way out.
            keymap.of([{ key: "Ctrl-Enter", mac: "Cmd-Enter", run }, ...defaultKeymap, ...historyKeymap]),
        ] }),
    });
    return {
        get text() {
            return view.state.doc.toString();
        },
        /** @param {string} text */
        set text(text) {
            view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
        },
        /** @param {string} text */
        insert(text) {
            view.dispatch(view.state.replaceSelection(text));
            view.focus();
        },
        focus: () => view.focus(),
    };
}
