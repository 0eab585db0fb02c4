// Crystals from the packed arrays: as stored (for the CIF), and in their conventional cells (to look at).
const readCrystals = async (candidates) => {
  const [sizes, numbers, cells, fracs] = await Promise.all(
    ["sizes", "numbers", "cells", "fracs"].map((name) => unpackBytes(pack(`crystal-${name}`))),
  );
  const size = new Uint16Array(sizes), number = new Uint8Array(numbers);
  const cell = new Float64Array(cells), frac = new Float64Array(fracs);
  const starts = [0];
  size.forEach((n) => starts.push(starts.at(-1) + n));
  const stored = (i) => ({
    numbers: [...number.subarray(starts[i], starts[i + 1])],
    cell: [0, 1, 2].map((k) => [...cell.subarray(9 * i + 3 * k, 9 * i + 3 * k + 3)]),
    frac: Array.from({ length: size[i] }, (_, a) => [...frac.subarray(3 * (starts[i] + a), 3 * (starts[i] + a) + 3)]),
  });
  return {
    has: (i) => size[i] > 0,
    drawn: (i) => size[i] * partsOf(candidates.conventional[candidates.centring[i]]),  // atoms
    stored,
    conventional: (i) => turned(enlarged(stored(i), candidates.conventional[candidates.centring[i]])),
  };
};

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const times = (row, matrix) => [0, 1, 2].map((k) => row[0] * matrix[0][k] + row[1] * matrix[1][k] + row[2] * matrix[2][k]);
const volumeOf = (cell) => dot(cell[0], cross(cell[1], cell[2]));
const length = (a) => Math.sqrt(dot(a, a));
const wrap = (x) => { const inside = x - Math.floor(x + 1e-9); return Math.abs(inside) < 1e-9 ? 0 : inside; };

const partsOf = (rows) => Math.round(Math.abs(volumeOf(rows)));

// The crystal in the larger cell whose rows are `rows` (integers) times the rows of its cell.
const enlarged = (crystal, rows) => {
  const cell = rows.map((row) => times(row, crystal.cell));
  if (partsOf(rows) < 2) return { ...crystal, frac: crystal.frac.map((place) => place.map(wrap)) };
  const adjoint = [cross(rows[1], rows[2]), cross(rows[2], rows[0]), cross(rows[0], rows[1])];
  const inverse = [0, 1, 2].map((i) => [0, 1, 2].map((j) => adjoint[j][i] / volumeOf(rows)));
  const shifts = new Map();
  for (let a = -2; a <= 2; a += 1) for (let b = -2; b <= 2; b += 1) for (let c = -2; c <= 2; c += 1) {
    const inside = times([a, b, c], inverse).map(wrap);
    shifts.set(inside.map((x) => x.toFixed(6)).join(), inside);
  }
  const numbers = [], frac = [];
  crystal.numbers.forEach((number, atom) => {
    const place = times(crystal.frac[atom], inverse);
    for (const shift of shifts.values()) {
      numbers.push(number);
      frac.push(place.map((x, k) => wrap(x + shift[k])));
    }
  });
  return { numbers, cell, frac };
};

// The crystal turned so that c points up and a to the right, seen a little from the side and from above.
const TURN = [0.35, 0.25];  // radians, about the upright axis and about the horizontal one
const turned = (crystal) => {
  const [side, above] = TURN.map((t) => [Math.cos(t), Math.sin(t)]);
  const view = ([x, y, z]) => {
    const [right, up, near] = [x, z, -y];
    const [r, n] = [side[0] * right + side[1] * near, side[0] * near - side[1] * right];
    return [r, above[0] * up - above[1] * n, above[0] * n + above[1] * up];
  };
  return { ...crystal, cell: crystal.cell.map(view) };
};

// Vectors (Å) from atom i to every atom of element `neighbor` within the cutoff, periodic images included.
const neighboursOf = (crystal, i, neighbor, cutoff) => {
  const { cell, frac, numbers } = crystal, volume = Math.abs(volumeOf(cell));
  const reach = [0, 1, 2].map((k) => Math.ceil((cutoff * length(cross(cell[(k + 1) % 3], cell[(k + 2) % 3]))) / volume) + 1);
  const found = [];
  numbers.forEach((number, j) => {
    if (number !== neighbor) return;
    for (let a = -reach[0]; a <= reach[0]; a += 1) for (let b = -reach[1]; b <= reach[1]; b += 1) for (let c = -reach[2]; c <= reach[2]; c += 1) {
      const apart = times([frac[j][0] - frac[i][0] + a, frac[j][1] - frac[i][1] + b, frac[j][2] - frac[i][2] + c], cell);
      const far = length(apart);
      if (far > 1e-8 && far <= cutoff) found.push(apart);
    }
  });
  return found;
};

const angle = (a, b) => (Math.acos(Math.max(-1, Math.min(1, dot(a, b) / (length(a) * length(b))))) * 180) / Math.PI;
const cifOf = (crystal, name, elements) => {
  const [a, b, c] = crystal.cell;
  const sites = crystal.numbers.map((number, i) => {
    const symbol = elements[number].symbol;
    return `  ${symbol} ${symbol}${i + 1} 1 ${crystal.frac[i].map((x) => x.toFixed(12)).join(" ")} 1`;
  });
  return [
    `data_${name}`, "_symmetry_space_group_name_H-M 'P 1'", "_symmetry_Int_Tables_number 1",
    `_cell_length_a ${length(a)}`, `_cell_length_b ${length(b)}`, `_cell_length_c ${length(c)}`,
    `_cell_angle_alpha ${angle(b, c)}`, `_cell_angle_beta ${angle(a, c)}`, `_cell_angle_gamma ${angle(a, b)}`,
    `_cell_volume ${Math.abs(volumeOf(crystal.cell))}`,
    "loop_", "  _symmetry_equiv_pos_site_id", "  _symmetry_equiv_pos_as_xyz", "  1 'x, y, z'",
    "loop_", "  _atom_site_type_symbol", "  _atom_site_label", "  _atom_site_symmetry_multiplicity",
    "  _atom_site_fract_x", "  _atom_site_fract_y", "  _atom_site_fract_z", "  _atom_site_occupancy", ...sites, "",
  ].join("\n");
};
