import { useEffect, useRef, useState } from 'preact/hooks';

interface Props {
  onPicture: (taken: Promise<Blob>) => void;
  onTrouble: (sentence: string) => void;
}

/** Takes one picture with the camera, after a press of a button. Nothing is recorded and nothing leaves the page. */
export function Camera({ onPicture, onTrouble }: Props) {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const video = useRef<HTMLVideoElement>(null);

  useEffect(() => {
    if (!stream || !video.current) return;
    video.current.srcObject = stream;
    // The light of a camera goes out with the view that needed it.
    return () => {
      for (const track of stream.getTracks()) track.stop();
    };
  }, [stream]);

  const start = async () => {
    try {
      setStream(await navigator.mediaDevices.getUserMedia({ video: { width: 640 } }));
    } catch {
      onTrouble('No camera can be used here: there is none, or the browser was told not to share it.');
    }
  };

  const take = () => {
    const view = video.current;
    if (!view?.videoWidth) return;
    const canvas = new OffscreenCanvas(view.videoWidth, view.videoHeight);
    canvas.getContext('2d')?.drawImage(view, 0, 0);
    // Chosen now, however long it takes to be made.
    onPicture(canvas.convertToBlob());
    setStream(null);
  };

  if (!stream) {
    return (
      <button type="button" class="button" onClick={() => void start()}>
        Camera
      </button>
    );
  }
  return (
    <div class="camera">
      <video ref={video} autoplay muted playsInline aria-label="What the camera sees" />
      <button type="button" class="button" onClick={take}>
        Take the picture
      </button>
      <button type="button" class="preset" onClick={() => setStream(null)}>
        Close
      </button>
    </div>
  );
}
