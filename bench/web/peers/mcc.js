/** An emitted package, used as its README says. */
export async function create({ runtime, inputs }) {
  const { load } = await import(/* @vite-ignore */ `${runtime}index.js`);
  const model = await load();
  const values = Object.fromEntries(model.inputs.map(({ name }, i) => [name, inputs[i].data]));
  return { run: () => Object.values(model.run(values)) };
}
