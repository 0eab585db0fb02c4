// Compressed parts of the page: base64 of gzip in script elements that the browser does not run.
const unpackBytes = async (element) => {
  const text = atob(element.textContent.trim()), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
};
const unpackText = async (element) => new TextDecoder().decode(await unpackBytes(element));
const unpackJson = async (element) => JSON.parse(await unpackText(element));
const pack = (name) => document.getElementById(`pack-${name}`);
const pause = () => new Promise((resolve) => { setTimeout(resolve, 0); });

const runScript = async (name) => {
  const script = document.createElement("script");
  script.textContent = await unpackText(pack(name));
  document.head.append(script);
};
const importModule = async (name) => {
  const blob = new Blob([await unpackText(pack(name))], { type: "text/javascript" });
  const address = URL.createObjectURL(blob);
  try { return await import(address); } finally { URL.revokeObjectURL(address); }
};
const addStyle = async (name) => {
  const style = document.createElement("style");
  style.textContent = await unpackText(pack(name));
  document.head.prepend(style);  // the page's own rules win
};

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};
const complain = (place, message) => {
  place.append(element("p", { class: "warning", role: "alert" }, message));
};
