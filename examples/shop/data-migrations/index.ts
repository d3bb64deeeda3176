import type { Migration } from 'serverless-data-migrations';
import { orderPaymentStatus } from './order-payment-status.ts';
import { orderSummaryTotals } from './order-summary-totals.ts';
import { priceAmounts } from './price-amounts.ts';

/** In the order in which they run. */
export const migrations: readonly Migration[] = [priceAmounts, orderSummaryTotals, orderPaymentStatus];
