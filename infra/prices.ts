/**
 * What AWS asks for, in dollars: list prices, without free tiers and discounts. Whoever changes one changes `asOf`, and the pages that
 * are computed from them (`npm run docs`).
 */
export const listPrices = {
  region: 'us-east-1',
  asOf: '2026-11',
  step_functions_per_1000_transitions: 0.025,
  lambda_arm64_per_gb_second: 0.0000133334,
  lambda_per_million_requests: 0.2,
  /** The first billion of a month; 32 KB sent and received count as one. */
  data_api_per_million_requests: 0.35,
  /** Aurora Standard. */
  aurora_per_acu_hour: 0.12,
  aurora_storage_per_gb_month: 0.1,
  aurora_per_million_ios: 0.2,
  secret_per_month: 0.4,
  key_per_month: 1,
  logs_per_gb: 0.5,
  logs_kept_per_gb_month: 0.03,
  /** Of one name with one set of dimensions, for the hours in which it is sent. */
  metric_per_month: 0.3,
  alarm_per_month: 0.1,
  composite_alarm_per_month: 0.5,
  dashboard_per_month: 3,
} as const;
