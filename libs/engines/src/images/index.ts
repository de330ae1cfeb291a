export { ImageRefused, type ImageSize, Images } from "./pool.js";
