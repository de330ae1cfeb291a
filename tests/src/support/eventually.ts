export { until as eventually } from "@dunlin/engines/testing";
