/** The api-version that the portal sends to each resource provider. */
export const versions = {
  alerts: '2022-01-01',
  assessments: '2021-06-01',
  machines: '2024-07-10',
  policyAssignments: '2023-04-01',
  policyStates: '2019-10-01',
  pricings: '2024-01-01',
  savedSearches: '2020-08-01',
  secureScores: '2020-01-01',
  collectionRules: '2022-06-01',
  sentinel: '2024-03-01',
  tables: '2022-10-01',
  workspaces: '2025-07-01',
} as const;
