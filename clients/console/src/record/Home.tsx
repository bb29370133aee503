// The audit log begins with its summary.
import { Navigate } from "@tanstack/react-router";

export default function Home() {
  return <Navigate to={"/audit/summary" as string} replace />;
}
