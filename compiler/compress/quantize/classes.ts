/** Values that must share one scale, as sets that grow together. */
import type { ValueName } from '../../../ir/tensor/graph.ts';
import type { Grid } from './grid.ts';

export class ScaleClasses {
  private readonly parents = new Map<ValueName, ValueName>();
  private readonly pins = new Map<ValueName, Grid>();

  /** The value that stands for the class. */
  of(value: ValueName): ValueName {
    let root = value;
    for (let next = this.parents.get(root); next !== undefined; next = this.parents.get(root)) root = next;
    return root;
  }

  /** The grid that an op prescribes for the class. */
  pinOf(value: ValueName): Grid | undefined {
    return this.pins.get(this.of(value));
  }

  pin(value: ValueName, grid: Grid): void {
    this.pins.set(this.of(value), grid);
  }

  /** Makes one class of both; a pin of either holds for all. Not both are pinned. */
  join(a: ValueName, b: ValueName): void {
    const [kept, other] = [this.of(a), this.of(b)];
    if (kept === other) return;
    const pin = this.pins.get(other);
    this.pins.delete(other);
    this.parents.set(other, kept);
    if (pin !== undefined) this.pins.set(kept, pin);
  }
}
