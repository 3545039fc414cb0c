// Every object of the files becomes a typed constant; what the compiler says about it is said about the object.
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import YAML from 'yaml';

const modules = {
  'apps/v1': 'kubernetes-models/apps/v1',
  'autoscaling/v2': 'kubernetes-models/autoscaling/v2',
  'networking.k8s.io/v1': 'kubernetes-models/networking.k8s.io/v1',
  'policy/v1': 'kubernetes-models/policy/v1',
  v1: 'kubernetes-models/v1',
  'cert-manager.io/v1': '@kubernetes-models/cert-manager/cert-manager.io/v1',
  'gateway.networking.k8s.io/v1': '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1',
  'keda.sh/v1alpha1': '@kubernetes-models/keda/keda.sh/v1alpha1',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
};

const tools = path.dirname(new URL(import.meta.url).pathname);
const lines = [];
const origins = [];
const faults = [];
for (const file of process.argv.slice(2)) {
  for (const document of YAML.parseAllDocuments(fs.readFileSync(file, 'utf8'))) {
    const object = document.toJS();
    const origin = `${path.basename(file)}: ${object?.kind}/${object?.metadata?.name}`;
    faults.push(...document.errors.map(error => `${origin}: ${error.message}`));
    const module = modules[object?.apiVersion];
    if (!module) {
      faults.push(`${origin}: apiVersion ${object?.apiVersion} is not known`);
      continue;
    }
    origins.push(origin);
    lines.push(`export const o${origins.length}: import('${module}').I${object.kind} = ${JSON.stringify(object)};`);
  }
}

const check = path.join(tools, `check-${process.pid}.ts`);
fs.writeFileSync(check, lines.join('\n'));
try {
  const program = ts.createProgram([check], { noEmit: true, strict: true, skipLibCheck: true, types: [], moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 });
  for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
    const line = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start).line;
    faults.push(`${origins[line] ?? 'compiler'}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`);
  }
} finally {
  fs.rmSync(check);
}

faults.forEach(fault => console.log(fault));
console.log(`manifests: ${origins.length} objects, ${faults.length} faults`);
process.exit(faults.length === 0 && origins.length > 0 ? 0 : 1);
