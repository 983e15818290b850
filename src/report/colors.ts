/** The colours of steps, the same in charts, boxes and bars; later steps begin again. */

/** Grey for the glance, then hues that stand out on photographs as on black. */
const stepColors: readonly string[] = ['#8c97a5', '#f59e0b', '#22b8e6', '#ec5fa8', '#84cc16', '#a78bfa'];

/** Of a step from 1. */
export function stepColor(step: number): string {
  return stepColors[(step - 1) % stepColors.length] ?? '';
}
