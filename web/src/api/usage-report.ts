/** Hours that machines were protected in, by plan, and what they would cost. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { Resource } from './types';
import { versions } from './versions';

export interface PlanHours {
  serversP1: number;
  serversP2: number;
  posture: number;
}

export interface MachineHours {
  id: string;
  name: string;
  resourceGroup: string;
  hours: PlanHours;
  freeHours: PlanHours;
  amount: number;
}

export interface Prices {
  currency: string;
  serversP1Hour: number;
  serversP2Hour: number;
  postureHour: number;
}

export type UsageReport = Resource<{
  month: string;
  complete: boolean;
  months: string[];
  prices: Prices;
  total: { hours: PlanHours; freeHours: PlanHours; amount: number };
  machines: MachineHours[];
  days: { date: string; hours: PlanHours; amount: number }[];
  includedData: { date: string; usedMb: number; allowanceMb: number; machines: number }[];
}>;

const reportType = 'bartizan.security/usagereports';

export function useUsageReport(month: string) {
  const session = useSession();
  return useQuery({
    queryKey: [reportType, session.subscriptionId, month],
    staleTime: 60_000,
    queryFn: ({ signal }) => request<UsageReport>('GET', usageReportUrl(subscriptionScope(session), month), { signal }),
  });
}

/** Where a month's report is; as a file of comma-separated values with `csv`. */
export function usageReportUrl(scope: string, month: string, format: 'json' | 'csv' = 'json'): string {
  return armUrl(`${scope}/providers/Bartizan.Security/usageReports/${month || 'current'}`, versions.usageReports, { format });
}

export function useSetPrices() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (prices: Prices) => request('PUT', armUrl(`${subscriptionScope(session)}/providers/Bartizan.Security/prices/default`, versions.usageReports), { body: { properties: prices } }),
    onSettled: () => client.invalidateQueries({ queryKey: [reportType] }),
  });
}
