/** An emitted package, used as its README says. */
let load;

export async function prepare({ runtime }) {
  ({ load } = await import(/* @vite-ignore */ `${runtime}index.js`));
}

export async function create({ inputs }) {
  const model = await load();
  const values = Object.fromEntries(model.inputs.map(({ name }, i) => [name, inputs[i].data]));
  return { run: () => Object.values(model.run(values)) };
}
