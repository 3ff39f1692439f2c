"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const ofCss = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const size = (bytes) => {
    if (bytes === null || bytes === undefined) return "–";
    const units = ["B", "KiB", "MiB", "GiB"];
    let at = 0, value = bytes;
    while (Math.abs(value) >= 1024 && at < 3) { value /= 1024; at++; }
    return `${+value.toPrecision(4)} ${units[at]}`;
  };
  const shown = {
    bytes: size,
    seconds: (x) => x === null || x === undefined ? "–" : x < 1 ? `${+(x * 1000).toPrecision(3)} ms` : `${+x.toPrecision(3)} s`,
    percent: (x) => x === null || x === undefined ? "–" : `${+x.toPrecision(3)} %`,
    count: (x) => x === null || x === undefined ? "–" : `${+x.toPrecision(6)}`,
  };
  const binary = Array.from({ length: 120 }, (_, at) => [1, 2, 5][at % 3] * 2 ** (10 * Math.floor(at / 9)) * 10 ** (Math.floor(at / 3) % 3));
  const drawn = [];

  const draw = (chart, place) => {
    const names = Object.keys(chart.series), show = shown[chart.unit];
    const boxes = new Map([...place.querySelectorAll("input")].map((box) => [box.name, box]));
    const whole = Array.from({ length: 30 }, (_, at) => [1, 2, 5][at % 3] * 10 ** Math.floor(at / 3));
    const axis = { stroke: ofCss("--faint"), grid: { stroke: ofCss("--line"), width: 1 }, ticks: { stroke: ofCss("--line") } };
    const warm = (plot) => {
      if (!chart.warmup) return;
      const { ctx, bbox } = plot, end = plot.valToPos(chart.warmup, "x", true);
      ctx.save();
      ctx.fillStyle = ofCss("--panel");
      ctx.fillRect(bbox.left, bbox.top, Math.max(0, Math.min(end, bbox.left + bbox.width) - bbox.left), bbox.height);
      ctx.restore();
    };
    const outputs = names.map((name) => boxes.get(name).parentElement.querySelector("output"));
    const at = place.querySelector("output.at");
    const tell = (plot) => {
      const place = plot.cursor.idx;
      names.forEach((name, series) => { outputs[series].textContent = place === null || place === undefined ? "" : show(chart.series[name][place]); });
      at.textContent = place === null || place === undefined ? "" : `${Math.round(chart.t[place])}`;
    };
    const plot = new uPlot({
      width: place.clientWidth, height: 260,
      legend: { show: false },
      scales: { x: { time: false }, y: chart.from_zero ? { range: (_, low, high) => [Math.min(0, low), Math.max(high, 1) * 1.05] } : {} },
      bands: chart.band.length && chart.band.every((name) => names.includes(name))
        ? [{ series: chart.band.map((name) => names.indexOf(name) + 1), fill: `${ofCss(`--c${names.indexOf(chart.band[0]) % 6}`)}2e` }] : [],
      cursor: { drag: { x: true, y: false } },
      hooks: { drawClear: [warm], setCursor: [tell] },
      axes: [{ ...axis, incrs: whole, values: (_, ticks) => ticks.map((x) => `${Math.round(x)}`) }, { ...axis, size: 76, incrs: chart.unit === "bytes" ? binary : undefined, values: (_, ticks) => ticks.map(show) }],
      series: [{ label: chart.x, value: (_, x) => x === null ? "–" : `${Math.round(x)}` }, ...names.map((name, at) => ({
        label: chart.labels[name], stroke: ofCss(name === "limit" ? "--ink" : `--c${at % 6}`), width: 1.5, spanGaps: true,
        dash: chart.dashed.includes(name) ? [6, 4] : undefined, show: boxes.get(name).checked,
        points: { show: name === "idle" || chart.t.length < 60, size: 5 }, value: (_, x) => show(x),
      }))],
    }, [chart.t, ...names.map((name) => chart.series[name])], place.querySelector(".plot"));
    names.forEach((name, at) => { boxes.get(name).onchange = (event) => {
      plot.setSeries(at + 1, { show: event.target.checked });
      event.target.parentElement.classList.toggle("off", !event.target.checked);
    }; });
    drawn.push({ plot, place });
  };

  const drawAll = () => {
    drawn.splice(0).forEach(({ plot }) => plot.destroy());
    charts.forEach((chart) => draw(chart, document.getElementById(`chart-${chart.name}`)));
    document.body.dataset.drawn = charts.length;
  };
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("resize", () => drawn.forEach(({ plot, place }) => plot.setSize({ width: place.clientWidth, height: 260 })));
})();
