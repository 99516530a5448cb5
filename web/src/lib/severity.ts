/** Severities of alerts, incidents, rules and recommendations, worst first. */

export const severities = ['High', 'Medium', 'Low', 'Informational'] as const;
export type Severity = (typeof severities)[number];

export function asSeverity(text: string | undefined): Severity {
  return severities.find((severity) => severity.toLowerCase() === text?.toLowerCase()) ?? 'Informational';
}

/** For sorting: 0 is the worst. */
export function severityRank(text: string | undefined): number {
  return severities.indexOf(asSeverity(text));
}
