/** First passwords: made here, shown once, changed by the person they are for. */

/** Without letters and digits that look alike, because it may be read out. */
const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** 20 characters, about 116 bits, in groups of five. */
export function newPassword(random: (bytes: Uint8Array) => Uint8Array = (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>)): string {
  let text = '';
  while (text.length < 20) {
    for (const byte of random(new Uint8Array(32))) {
      // Bytes past the last whole multiple would make the first letters likelier.
      if (byte < 256 - (256 % letters.length) && text.length < 20) text += letters[byte % letters.length] ?? '';
    }
  }
  return text.replace(/(.{5})(?=.)/g, '$1-');
}
