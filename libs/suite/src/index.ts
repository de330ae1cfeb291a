export { composeSuite, type SuiteComposition, type SuiteConfig, suiteOptions } from "./compose.js";
export { type StartSuiteOptions, type Suite, startSuite } from "./suite.js";
