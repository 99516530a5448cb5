/** How long a sign-in link can be good, in minutes. */
export const lifetimes: readonly (readonly [string, string])[] = [['60', '1 hour'], ['480', '8 hours'], ['1440', '1 day'], ['10080', '7 days']];

/** How long a program's secret can be good, in days. */
export const secretDays: readonly (readonly [string, string])[] = [['90', '90 days'], ['180', '180 days'], ['365', '1 year'], ['729', '2 years']];
