const { builtinModules } = require('node:module');

// Imports go one way: a folder may import from those before it in this list (see ARCHITECTURE.md), never from those after.
const order = [
  'src/errors',
  'src/random',
  'src/engine',
  'src/nn',
  'src/onnx',
  'src/data',
  'src/encoders',
  'src/policy',
  'src/crop',
  'src/classifier',
  'src/model',
  'src/checkpoint',
  'src/evaluation',
  'src/bundle',
  'src/predict',
  'src/serve',
  'src/export',
  'training',
  'src/report',
  'src/web',
  'src/demo',
  'src/cli',
  'bench',
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...order.slice(0, -1).map((folder, i) => ({
      name: `order-${folder.replace('/', '-')}`,
      severity: 'error',
      from: { path: `^${folder}/` },
      to: { path: order.slice(i + 1).map(later => `^${later}/`) },
    })),
    {
      name: 'training-only-from-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^training/' },
    },
    {
      name: 'predicting-without-tensorflow',
      severity: 'error',
      from: { path: ['^src/predict/(index|stream-worker)\\.ts$', '^src/serve/'] },
      to: { path: ['^src/engine/', '^training/', '@tensorflow/'], reachable: true },
    },
    {
      name: 'pages-without-node',
      severity: 'error',
      from: { path: '^src/web/' },
      to: {
        path: [
          `^(node:)?(${builtinModules.join('|')})$`,
          '/(sharp|onnxruntime-node|@tensorflow)/',
          '^src/engine/',
        ],
        reachable: true,
      },
    },
    {
      name: 'not-to-dev',
      severity: 'error',
      from: { path: '^(src|training)/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
