import { useQuery } from '@tanstack/react-query';
import { scopeOf } from '@/lib/arm-id';
import { severityRank } from '@/lib/severity';
import { armUrl, listAll } from './client';
import { subscriptionScope, useSession } from './session';
import type { Assessment, AssessmentMetadata, Resource } from './types';
import { versions } from './versions';

/** All assessments below a scope: the subscription, or one resource. */
export function useAssessments(scope?: string) {
  const session = useSession();
  const within = scope ?? subscriptionScope(session);
  return useQuery({
    queryKey: ['microsoft.security/assessments', within.toLowerCase()],
    queryFn: ({ signal }) =>
      listAll<Assessment>(
        armUrl(`${within}/providers/Microsoft.Security/assessments`, versions.assessments, { $expand: 'metadata' }),
        signal,
      ),
  });
}

/** Metadata of every recommendation, by key. */
export function useAssessmentMetadata() {
  const session = useSession();
  return useQuery({
    queryKey: ['microsoft.security/assessmentmetadata', session.subscriptionId],
    staleTime: 10 * 60_000,
    queryFn: async ({ signal }) => {
      const items = await listAll<Resource<AssessmentMetadata>>(
        armUrl(`${subscriptionScope(session)}/providers/Microsoft.Security/assessmentMetadata`, versions.assessments),
        signal,
      );
      return new Map(items.map((item) => [item.name.toLowerCase(), item.properties]));
    },
  });
}

/** One recommendation: an assessment key with every resource it was decided for. */
export interface Recommendation {
  key: string;
  title: string;
  severity: string;
  metadata: AssessmentMetadata | undefined;
  healthy: Assessment[];
  unhealthy: Assessment[];
  notApplicable: Assessment[];
}

/** Groups assessments by key: worst severity first, then most unhealthy resources, then title. */
export function recommendationsOf(
  assessments: readonly Assessment[],
  metadata: ReadonlyMap<string, AssessmentMetadata> = new Map(),
): Recommendation[] {
  const byKey = new Map<string, Recommendation>();
  for (const assessment of assessments) {
    const key = assessment.name.toLowerCase();
    let entry = byKey.get(key);
    if (!entry) {
      const about = assessment.properties.metadata ?? metadata.get(key);
      entry = {
        key,
        title: assessment.properties.displayName || about?.displayName || key,
        severity: about?.severity ?? 'Low',
        metadata: about,
        healthy: [],
        unhealthy: [],
        notApplicable: [],
      };
      byKey.set(key, entry);
    }
    const { code } = assessment.properties.status;
    (code === 'Healthy' ? entry.healthy : code === 'Unhealthy' ? entry.unhealthy : entry.notApplicable).push(assessment);
  }
  return [...byKey.values()].sort(
    (left, right) =>
      Number(right.unhealthy.length > 0) - Number(left.unhealthy.length > 0) ||
      severityRank(left.severity) - severityRank(right.severity) ||
      right.unhealthy.length - left.unhealthy.length ||
      left.title.localeCompare(right.title),
  );
}

/** The resource that an assessment is about. */
export function assessedResource(assessment: Assessment): string {
  const { resourceDetails } = assessment.properties;
  return scopeOf(assessment.id) || resourceDetails?.id || resourceDetails?.Id || '';
}
