export { type ApiConfig, apiOptions } from "./config.js";
export type { ApiContext } from "./context.js";
export { openApiDocument } from "./openapi/document.js";
export { routes } from "./routes/index.js";
export { type ApiService, createApiService } from "./service.js";
