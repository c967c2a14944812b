/** Pictures for the server to read codes in: the camera's frames, one at a time, and a photo or a file. */

import { h, icon, render } from "./dom.js";
import { t } from "./i18n.js";
import { button, report, toast } from "./ui.js";

const FRAME_GAP_MS = 250;
const FRAME_WIDTH = 1280;
const JPEG_QUALITY = 0.8;
const SEEN_PAUSE_MS = 1200;

/** A button for a photo or a file: `send(blob)` answers, and `onseen(answer)` is told when a code was in it. */
export function photoButton(send, onseen) {
  const input = h("input", { type: "file", accept: "image/png,image/jpeg,image/webp", class: "sr", "aria-label": t("scan.file"), tabindex: -1 });
  input.onchange = async () => {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    try {
      const answer = await send(file);
      if (answer.seen) onseen(answer);
      else toast(t("scan.nothing"), "bad");
    } catch (problem) {
      report(problem);
    }
  };
  return [input, button(t("scan.file"), { icon: "upload", onclick: async () => input.click() })];
}

/** A camera whose frames are sent one at a time, at most four a second: the next waits for the answer to the last. */
export class Camera {
  #video = h("video", { class: "scan-video", muted: true, playsinline: true, autoplay: true, "aria-label": t("scan.camera") });
  #status = h("p", { class: "scan-status", role: "status" }, t("scan.starting"));
  #canvas = document.createElement("canvas");
  #stream = null;
  #stopped = false;

  constructor(send, onseen) {
    this.view = h("div", { class: "scan-frame" }, this.#video, h("div", { class: "scan-aim", "aria-hidden": "true" }), this.#status);
    this.#run(send, onseen);
  }

  stop() {
    this.#stopped = true;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
  }

  async #run(send, onseen) {
    if (!(await this.#start())) return;
    while (!this.#stopped) {
      const started = performance.now();
      const pause = await this.#oneFrame(send, onseen);
      await new Promise((resolve) => setTimeout(resolve, Math.max(pause - (performance.now() - started), 0)));
    }
  }

  async #start() {
    if (!navigator.mediaDevices?.getUserMedia) return this.#say("scan.insecure");
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: FRAME_WIDTH } } });
    } catch (error) {
      return this.#say(error.name === "NotAllowedError" ? "scan.refused" : "scan.no_camera");
    }
    if (this.#stopped) return this.stop();
    this.#video.srcObject = this.#stream;
    await this.#video.play().catch(() => {}); // closed before it began
    this.#say("scan.looking");
    return true;
  }

  async #oneFrame(send, onseen) {
    try {
      const blob = await this.#frame();
      const answer = blob && (await send(blob));
      if (!answer?.seen || this.#stopped) return FRAME_GAP_MS;
      this.#flash();
      onseen(answer);
      return SEEN_PAUSE_MS;
    } catch (problem) {
      if (problem.text === undefined) throw problem;
      this.#status.textContent = problem.text;
      return SEEN_PAUSE_MS;
    }
  }

  #frame() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!width) return null;
    const scale = Math.min(1, FRAME_WIDTH / width);
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    this.#canvas.getContext("2d").drawImage(this.#video, 0, 0, this.#canvas.width, this.#canvas.height);
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
  }

  #flash() {
    navigator.vibrate?.(40);
    this.view.classList.add("seen");
    this.#say("scan.seen");
    setTimeout(() => {
      this.view.classList.remove("seen");
      this.#say("scan.looking");
    }, SEEN_PAUSE_MS);
  }

  #say(key) {
    render(this.#status, key === "scan.seen" && icon("check"), t(key));
    return false;
  }
}
