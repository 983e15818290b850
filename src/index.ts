/** The programmatic interface: load a trained model, predict. */
export { GFNetPredictor as GFNet } from './predict/predictor.js';
export type { Belief, ImageSource, LoadOptions, Prediction, PredictOptions } from './predict/predictor.js';
export type { Guess } from './evaluation/index.js';
export type { ImageTarget, RawImage } from './data/decode.js';
export type { ImageShape } from './data/dataset.js';
export type { Box } from './crop/index.js';
export * from './errors/index.js';
