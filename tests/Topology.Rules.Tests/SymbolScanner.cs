using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Topology.Rules.Tests;

/// <summary>Lists what a compiled assembly refers to, as documentation ids: <c>T:</c> types, <c>M:</c> methods, <c>P:</c> properties.</summary>
/// <remarks>The analyzer sees source and can be suppressed there; this sees what was compiled.</remarks>
internal static class SymbolScanner
{
    public static HashSet<string> References(string assemblyFile)
    {
        using var file = new PEReader(File.OpenRead(assemblyFile));
        var reader = file.GetMetadataReader();
        var found = new HashSet<string>();
        foreach (var handle in reader.TypeReferences)
            found.Add("T:" + Names.Of(reader, handle));
        foreach (var handle in reader.MemberReferences)
        {
            var member = reader.GetMemberReference(handle);
            if (member.GetKind() != MemberReferenceKind.Method || Parent(reader, member.Parent) is not { } type)
                continue;
            var name = reader.GetString(member.Name);
            if (name.StartsWith("get_", StringComparison.Ordinal) || name.StartsWith("set_", StringComparison.Ordinal))
            {
                found.Add($"P:{type}.{name[4..]}");
                continue;
            }

            var signature = member.DecodeMethodSignature(Names.Instance, null);
            var generic = signature.GenericParameterCount > 0 ? "``" + signature.GenericParameterCount : "";
            var parameters = signature.ParameterTypes.IsEmpty ? "" : $"({string.Join(',', signature.ParameterTypes)})";
            found.Add($"M:{type}.{name.Replace('.', '#')}{generic}{parameters}");
        }

        return found;
    }

    private static string? Parent(MetadataReader reader, EntityHandle parent) => parent.Kind switch
    {
        HandleKind.TypeReference => Names.Of(reader, (TypeReferenceHandle)parent),
        HandleKind.TypeSpecification => reader.GetTypeSpecification((TypeSpecificationHandle)parent).DecodeSignature(Names.Instance, null),
        _ => null,
    };

    private sealed class Names : ISignatureTypeProvider<string, object?>
    {
        public static readonly Names Instance = new();

        public static string Of(MetadataReader reader, TypeReferenceHandle handle)
        {
            var type = reader.GetTypeReference(handle);
            var name = reader.GetString(type.Name);
            if (type.ResolutionScope.Kind == HandleKind.TypeReference)
                return Of(reader, (TypeReferenceHandle)type.ResolutionScope) + "." + name;
            return type.Namespace.IsNil ? name : reader.GetString(type.Namespace) + "." + name;
        }

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => Of(reader, handle);

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
            reader.GetString(reader.GetTypeDefinition(handle).Name);

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => "System." + typeCode;

        public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) =>
            $"{genericType.Split('`')[0]}{{{string.Join(',', typeArguments)}}}";

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetArrayType(string elementType, ArrayShape shape) => $"{elementType}[{new string(',', shape.Rank - 1)}]";

        public string GetByReferenceType(string elementType) => elementType + "@";

        public string GetPointerType(string elementType) => elementType + "*";

        public string GetFunctionPointerType(MethodSignature<string> signature) => "=FUNC";

        public string GetGenericMethodParameter(object? genericContext, int index) => "``" + index;

        public string GetGenericTypeParameter(object? genericContext, int index) => "`" + index;

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

        public string GetPinnedType(string elementType) => elementType;
    }
}
