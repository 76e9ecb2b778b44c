// What a person does with the forms of the page that is open: asked and told by forms.py, which adds the call at the end.
(() => {
  const shown = (one) => {
    const box = one.getBoundingClientRect();
    const style = getComputedStyle(one);
    return box.width > 0 && box.height > 0 && style.visibility !== "hidden" && style.opacity !== "0";
  };
  const OTHER = /^(checkbox|radio|hidden|submit|button|search|file|image|reset|range|color)$/;
  const fields = () =>
    [...document.querySelectorAll("input, textarea")].filter(
      (one) => shown(one) && !one.disabled && !one.readOnly && !OTHER.test(one.type),
    );
  const told = (one) =>
    [one.type, one.name, one.id, one.placeholder, one.getAttribute("aria-label"), one.autocomplete]
      .concat([...(one.labels || [])].map((label) => label.textContent))
      .filter(Boolean)
      .join(" ")
      .toLowerCase();
  const password = () => fields().find((one) => one.type === "password");
  // Of a page below a dialogue, or beside it, nothing is meant.
  const mine = () => {
    const form = password()?.closest("form");
    return form ? fields().filter((one) => form.contains(one)) : fields();
  };
  // As a person types: a framework that keeps the value itself hears of it.
  const write = (one, value) => {
    const kind = one instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
    one.focus();
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(one, value);
    one.dispatchEvent(new Event("input", { bubbles: true }));
    one.dispatchEvent(new Event("change", { bubbles: true }));
    one.blur();
  };
  const buttons = (within) =>
    [...within.querySelectorAll("button, input[type=submit], [role=button]")].filter((one) => shown(one) && !one.disabled);
  const words = (one) => (one.innerText || one.value || one.getAttribute("aria-label") || one.title || "").trim();
  const ASIDE = /google|github|facebook|apple|microsoft|cancel|close|forgot|^(show|hide)|^\W*$/i;
  const main = (form) => {
    const own = form ? buttons(form) : [];
    return own.filter((one) => one.type === "submit" && !ASIDE.test(words(one))).at(-1) || own.at(-1);
  };
  const send = (field) => {
    const form = field.closest("form");
    const button = main(form);
    if (button) button.click();
    else if (form) form.requestSubmit();
    else ["keydown", "keypress", "keyup"].forEach((kind) => field.dispatchEvent(
      new KeyboardEvent(kind, { key: "Enter", code: "Enter", keyCode: 13, bubbles: true })));
    return Boolean(button || form);
  };
  const UP = /sign\s*-?up|register|create|join/i; // whoever logs in may get started as well
  const IN = /log\s*-?in|sign\s*-?in/i;
  const KNOWN = /already (have|registered|a member)|have an account\? *(sign|log) ?in/i;
  const DATE = { date: "2030-01-01", "datetime-local": "2030-01-01T10:00", time: "10:00", number: "1", url: "https://example.com" };
  return {
    // What there is to log in or to sign up by.
    state: () => ({
      asks: Boolean(password()),
      isNew: (() => {
        const said = words(main(password()?.closest("form")) || document.createElement("b"));
        if (UP.test(said) !== IN.test(said)) return UP.test(said);
        return mine().filter((one) => one.type === "password").length > 1 || mine().length > 2
          || KNOWN.test(document.body.innerText);
      })(),
      says: [...document.querySelectorAll("[role=alert], [class*=error], [class*=destructive], [class*=red-]")]
        .filter(shown).map((one) => (one.innerText || "").trim()).filter(Boolean).join(" ").slice(0, 200),
    }),
    enter: (who) => {
      const field = password();
      if (!field) return false;
      for (const one of mine()) {
        const name = told(one);
        const value = /password/.test(name) ? who.password : /e-?mail/.test(name) ? who.email
          : DATE[one.type] || (one.type === "tel" ? "5550100" : /user|nick|handle/.test(name) ? who.name : "Sam Person");
        write(one, value);
      }
      const around = field.closest("form") || document.body;
      around.querySelectorAll("input[type=checkbox], [role=checkbox]").forEach(
        (one) => one.checked || one.ariaChecked === "true" || one.click());
      around.querySelectorAll("select").forEach((one) => {
        const choice = [...one.options].find((option) => option.value);
        if (choice && !one.value) { one.value = choice.value; one.dispatchEvent(new Event("change", { bubbles: true })); }
      });
      return true;
    },
    submit: () => send(password()),
    // What leads on to another form stands by the one that is there, if any; what was pressed before led nowhere.
    press: (pattern) => {
      const wanted = new RegExp(pattern, "i");
      const pressed = (window.__pressed ||= new Set());
      const field = password();
      const sends = main(field?.closest("form"));
      const far = (it) => {
        let steps = 0;
        for (let around = field; around && !around.contains(it); around = around.parentElement) steps += 1;
        return steps;
      };
      const [one] = [...document.querySelectorAll("a, button, [role=button], [role=tab]")]
        .filter((it) => shown(it) && !it.disabled && it !== sends && !pressed.has(it) && wanted.test(words(it)))
        .sort((a, b) => far(a) - far(b));
      if (!one) return false;
      pressed.add(one);
      one.click();
      return true;
    },
    // The paths of the page's own that its links lead to.
    links: (pattern) => {
      const own = [...document.querySelectorAll("a[href]")].filter((one) => one.origin === location.origin);
      const wanted = own.map((one) => one.pathname).filter((path) => new RegExp(pattern, "i").test(path));
      return [...new Set(wanted)].slice(0, 3);
    },
    // Write a todo into the field for it, and what else its form insists on, or whatever it asks for.
    write: (todo, whatever = false) => {
      const meant = /title|task|todo|to-do|need|what|add|new/;
      const off = /search|filter|message|chat|\bask\b|e-?mail|password|note|date|tag/;
      const all = fields().filter((one) => !DATE[one.type] && meant.test(told(one)) && !off.test(told(one)));
      const short = all.filter((one) => !/desc/.test(told(one))); // where there is one; some ask to describe what to do
      const field = short.find((one) => /title|task|todo/.test(told(one))) || short[0] || all[0];
      if (!field) return false;
      write(field, todo);
      const form = field.closest("form");
      for (const one of form ? fields().filter((it) => it !== field && form.contains(it) && !it.value) : []) {
        if (whatever || one.required || /desc/.test(told(one))) write(one, DATE[one.type] || "two litres");
      }
      window.__field = field;
      return true;
    },
    add: () => {
      const field = window.__field;
      if (send(field)) return true;
      const near = /^\W*(add|create|save|submit)/i;
      const one = buttons(document).find((it) => near.test(words(it)));
      if (one && field.value) one.click();
      return true;
    },
    holds: (text) => document.body.innerText.includes(text),
  };
})()
