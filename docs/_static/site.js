// A button in each program that copies it; of a session in a terminal, its commands.
const kinds = ["python", "py", "console", "json", "toml"].map((it) => `.highlight-${it} .highlight`);
for (const block of document.querySelectorAll(`article :is(${kinds})`)) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const text = block.querySelector("pre").innerText;
    const commands = text.split("\n").filter((it) => it.startsWith("$ ")).map((it) => it.slice(2));
    const is_session = block.parentElement.matches(".highlight-console");
    await navigator.clipboard.writeText(is_session ? commands.join("\n") : text);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

// Furo says that these are headings, and not of which level.
for (const caption of document.querySelectorAll("p.caption[role=heading]")) {
  caption.setAttribute("aria-level", "2");
}
