import { useQuery } from '@tanstack/react-query';
import { armName } from '@/lib/arm-id';
import { armUrl, listAll } from './client';
import { subscriptionScope, useSession } from './session';
import type { SecureScore, SecureScoreControl } from './types';
import { versions } from './versions';

const scoresType = 'microsoft.security/securescores';

export function useSecureScore() {
  const session = useSession();
  return useQuery({
    queryKey: [scoresType, session.subscriptionId],
    queryFn: async ({ signal }) => {
      const scores = await listAll<SecureScore>(
        armUrl(`${subscriptionScope(session)}/providers/Microsoft.Security/secureScores`, versions.secureScores),
        signal,
      );
      return scores.find((score) => score.name === 'ascScore') ?? scores[0] ?? null;
    },
  });
}

export function useSecureScoreControls() {
  const session = useSession();
  return useQuery({
    queryKey: [scoresType, 'controls', session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<SecureScoreControl>(
        armUrl(
          `${subscriptionScope(session)}/providers/Microsoft.Security/secureScores/ascScore/secureScoreControls`,
          versions.secureScores,
          { $expand: 'definition' },
        ),
        signal,
      ),
  });
}

/** What a control would add if all its resources became healthy: (max / assessed) x unhealthy. */
export function potentialIncrease(control: SecureScoreControl): number {
  const { healthyResourceCount: healthy, unhealthyResourceCount: unhealthy, score } = control.properties;
  const assessed = healthy + unhealthy;
  return assessed === 0 ? 0 : (score.max / assessed) * unhealthy;
}

/** The keys of the recommendations in a control. */
export function controlAssessments(control: SecureScoreControl): string[] {
  const definitions = control.properties.definition?.properties?.assessmentDefinitions ?? [];
  return definitions.map((definition) => armName(definition.id).toLowerCase());
}

/** Percent of a score, whatever the server's scale: ARM gives a fraction of one. */
export function scorePercent(score: { current: number; max: number }): number {
  return score.max > 0 ? Math.round((score.current / score.max) * 100) : 0;
}
