/** The classifications of a closed incident, as Sentinel offers them: value on the wire, reason, words. */
export const classifications: readonly { id: string; classification: string; reason: string | undefined; text: string }[] = [
  { id: 'true-positive', classification: 'TruePositive', reason: 'SuspiciousActivity', text: 'True positive – suspicious activity' },
  { id: 'benign-positive', classification: 'BenignPositive', reason: 'SuspiciousButExpected', text: 'Benign positive – suspicious but expected' },
  { id: 'false-positive-logic', classification: 'FalsePositive', reason: 'IncorrectAlertLogic', text: 'False positive – incorrect alert logic' },
  { id: 'false-positive-data', classification: 'FalsePositive', reason: 'InaccurateData', text: 'False positive – inaccurate data' },
  { id: 'undetermined', classification: 'Undetermined', reason: undefined, text: 'Undetermined' },
];

export function classificationText(classification: string | undefined, reason: string | undefined): string | undefined {
  if (!classification) return undefined;
  const exact = classifications.find((entry) => entry.classification === classification && entry.reason === reason);
  return exact?.text ?? spaced(classification);
}

/** `CredentialAccess` as "Credential access". */
export function spaced(name: string): string {
  const words = name.replace(/([a-z])([A-Z])/g, '$1 $2');
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}
