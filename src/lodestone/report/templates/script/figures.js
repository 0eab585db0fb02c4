// Figures are drawn when they come near, the rest while the browser is idle.
const drawFigure = async (place) => {
  if (place.dataset.state) return;
  place.dataset.state = "drawing";
  const { data, layout, config } = await unpackJson(place.querySelector("script"));
  const target = element("div");
  place.append(target);
  await Plotly.newPlot(target, data, layout, config);
  place.dataset.state = "drawn";
};

const drawFigures = async () => {
  const places = [...document.querySelectorAll(".plot")];
  if (!places.length) return;
  await runScript("library-plotly");
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) drawFigure(entry.target);
  }, { rootMargin: "600px" });
  places.forEach((place) => watcher.observe(place));
  window.addEventListener("beforeprint", () => { places.forEach(drawFigure); });
};
const drawTheRest = async () => {
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));
  for (const place of document.querySelectorAll(".plot")) {
    await new Promise((resolve) => { idle(resolve, { timeout: 2000 }); });
    await drawFigure(place);
  }
  document.body.dataset.figures = "drawn";
};
