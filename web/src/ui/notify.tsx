import { Toast, ToastBody, ToastTitle, useToastController } from '@fluentui/react-components';
import { errorText } from '@/api/errors';

export const toasterId = 'portal';

/** Short messages after an action. Errors stay until dismissed. */
export function useNotify() {
  const { dispatchToast } = useToastController(toasterId);
  return {
    done: (title: string, body?: string) =>
      dispatchToast(<Toast><ToastTitle>{title}</ToastTitle>{body && <ToastBody>{body}</ToastBody>}</Toast>, { intent: 'success', timeout: 4000 }),
    failed: (title: string, error: unknown) =>
      dispatchToast(<Toast><ToastTitle>{title}</ToastTitle><ToastBody>{errorText(error)}</ToastBody></Toast>, { intent: 'error', timeout: 12_000 }),
  };
}
