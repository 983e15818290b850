/** Names of torchvision's mobile networks and RegNets, which number what ours, which are timm's, call by name. */

/** Blocks of the stages of those networks whose blocks torchvision counts through. */
const counted: Readonly<Record<string, readonly number[]>> = {
  mobilenetv3_large_100: [1, 2, 3, 4, 2, 3],
  mobilenetv3_small_100: [1, 2, 3, 2, 3],
};

/** What its MobileNets' batch norms add to a variance. */
export const mobileNetEpsilon = 1e-3;

export const isMobileNet = (network: string): boolean => network in counted;

/** By which names torchvision may know a variable of the network's encoder; the first that is there counts. */
export function inTorchvision(network: string, name: string): readonly string[] {
  if (network.startsWith('regnety')) return [inRegNets(name)];
  if (isMobileNet(network) || network.startsWith('efficientnet_b')) return inMobileNetworks(network, name);
  return [];
}

/** Of a RegNet's block: what torchvision and pycls call its convolutions 1 to 3. */
export const letter = (index: string): string => ({ 1: 'a', 2: 'b', 3: 'c' })[index] ?? '';

function inRegNets(name: string): string {
  return normal(name)
    .replace(/^s(\d)\.b(\d+)\./, (_, stage: string, block: string) => {
      return `trunk_output.block${stage}.block${stage}-${Number(block) - 1}.`;
    })
    .replace(/\.conv([123])\.([01])\./, (_, index: string, part: string) => `.f.${letter(index)}.${part}.`)
    .replace('.se.', '.f.se.')
    .replace('.downsample.', '.proj.');
}

/** A convolution and its batch norm are 0 and 1 there. */
const normal = (name: string): string => name.replace(/\.conv\./, '.0.').replace(/\.bn\./, '.1.');

function inMobileNetworks(network: string, name: string): readonly string[] {
  const stages = counted[network];
  const last = stages ? stages.reduce((sum, blocks) => sum + blocks, 1) : 8;
  const ends: readonly (readonly [RegExp, string])[] = [
    [/^conv_stem\./, 'features.0.0.'],
    [/^bn1\./, 'features.0.1.'],
    // The head's convolution: MobileNetV3's comes after pooling, and is a linear layer there.
    ...(stages
      ? ([
          [new RegExp(`^blocks\\.${stages.length}\\.0\\.conv\\.`), `features.${last}.0.`],
          [new RegExp(`^blocks\\.${stages.length}\\.0\\.bn1\\.`), `features.${last}.1.`],
          [/^conv_head\./, 'classifier.0.'],
        ] as const)
      : ([
          [/^conv_head\./, `features.${last}.0.`],
          [/^bn2\./, `features.${last}.1.`],
        ] as const)),
  ];
  for (const [ours, theirs] of ends) if (ours.test(name)) return [name.replace(ours, theirs)];
  const [, stage = '', block = '', layer = ''] = /^blocks\.(\d+)\.(\d+)\.(.*)$/.exec(name) ?? [];
  const before = stages?.slice(0, Number(stage)).reduce((sum, blocks) => sum + blocks, 1);
  const place = before === undefined ? `${Number(stage) + 1}.${block}` : `${before + Number(block)}`;
  return inBlock(layer, stage === '0').map(theirs => `features.${place}.block.${theirs}`);
}

/** What expands, if anything, what filters by channels, what excites, if anything, what projects: numbered from 0. */
function inBlock(layer: string, narrow: boolean): readonly string[] {
  const filters = narrow ? 0 : 1;
  // After what excites, where there is that.
  const projects = [filters + 2, filters + 1];
  const [, kind = '', rest = ''] = /^(conv_\w+|bn\d|se\.conv_\w+)\.(.*)$/.exec(layer) ?? [];
  const places: Readonly<Record<string, readonly string[]>> = {
    conv_dw: [`${filters}.0`],
    'se.conv_reduce': [`${filters + 1}.fc1`],
    'se.conv_expand': [`${filters + 1}.fc2`],
    ...(narrow
      ? { bn1: ['0.1'], conv_pw: projects.map(at => `${at}.0`), bn2: projects.map(at => `${at}.1`) }
      : {
          conv_pw: ['0.0'],
          bn1: ['0.1'],
          bn2: ['1.1'],
          conv_pwl: projects.map(at => `${at}.0`),
          bn3: projects.map(at => `${at}.1`),
        }),
  };
  return (places[kind] ?? []).map(theirs => `${theirs}.${rest}`);
}
