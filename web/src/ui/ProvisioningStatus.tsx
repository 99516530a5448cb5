import type { Tone } from './palette';
import { Status } from './Status';

/** The provisioningState of a resource: settled, failed, or on its way. */
export function ProvisioningStatus({ state }: { state: string | undefined }) {
  return <Status tone={provisioningTone(state)}>{state ?? 'Unknown'}</Status>;
}

function provisioningTone(state: string | undefined): Tone {
  switch (state) {
    case 'Succeeded':
      return 'good';
    case 'Failed':
      return 'bad';
    case 'Canceled':
      return 'warn';
    case undefined:
      return 'neutral';
    default:
      return 'busy';
  }
}
