/** What an image worker is asked: one thing at a time. */
export interface ImageRequest {
  readonly bytes: Uint8Array;
  /** Of one picture, width times height. */
  readonly pixelsMax: number;
  /** Longest side of the thumbnail; undefined: only measure. */
  readonly side: number | undefined;
}

export type ImageAnswer =
  | { readonly ok: true; readonly width: number; readonly height: number; readonly thumbnail: Uint8Array | undefined }
  /** too-large: more pixels than allowed; unreadable: no image, or a broken one. */
  | { readonly ok: false; readonly why: ImageProblem; readonly detail: string };

export type ImageProblem = "too-large" | "unreadable";
