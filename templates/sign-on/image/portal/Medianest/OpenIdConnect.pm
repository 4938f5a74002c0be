package Medianest::OpenIdConnect;

# One provider of OpenID Connect. The engine's own client asks and checks (OpenID Connect Core 1.0, 3.1); what it leaves open is closed here: PKCE,
# signatures by public keys alone, the provider's description (Discovery 1.0) read at the sign-in, and no token in a session or the log.
use strict;
use warnings;
use Mouse;
use Digest::SHA qw(hmac_sha256 sha256);
use JSON;
use Lemonldap::NG::Common::JWT qw(getJWTHeader);
use Lemonldap::NG::Portal::Main::Constants qw(PE_OK);
use MIME::Base64 qw(encode_base64url);
use Scalar::Util qw(looks_like_number);
use Medianest::Providers;
extends 'Lemonldap::NG::Portal::Auth::OpenIDConnect';

use constant { READ_AGAIN_SECONDS => 600, CLOCKS_SECONDS => 60 };

# RFC 8176 (`amr`), and what providers call more than one factor as `acr`.
my %MORE_FACTORS = map { $_ => 1 } 'http://schemas.openid.net/pape/policies/2007/06/multi-factor', 'https://refeds.org/profile/mfa';

has own    => ( is => 'ro' );
has claims => ( is => 'rw' );
has read   => ( is => 'rw', default => 0 );

# @param $portal of the engine @param $own the provider
sub of {
    my ( $class, $portal, $conf, $own ) = @_;
    my $self = $class->new( p => $portal, conf => $conf, own => $own, endpointsRe => qr/(?!)/, ua => Medianest::Providers::agent($own), logger => Medianest::OpenIdConnect::Log->of( $portal->logger ) );
    $self->state_ott->timeout( Medianest::Providers::ATTEMPT_SECONDS() );
    return $self;
}

# What a sign-in needs to know of the provider: asked for again after ten minutes. @throws why that cannot be told
sub prepare {
    my ($self) = @_;
    my $own = $self->own;
    return if abs( time - $self->read ) < READ_AGAIN_SECONDS;
    my $said = Medianest::Providers::description( $own, $self->ua );
    my $name = $own->{name};
    my %methods = map { $_ => 1 } @{ $said->{token_endpoint_auth_methods_supported} || ['client_secret_basic'] };
    my %kept = map { defined $said->{$_} ? ( $_ => $said->{$_} ) : () } qw(issuer authorization_endpoint token_endpoint jwks_uri userinfo_endpoint);
    $self->opMetadata->{$name}{conf} = { %kept, names_itself => $said->{authorization_response_iss_parameter_supported} ? 1 : 0 };
    $self->opOptions->{$name} = {
        oidcOPMetaDataOptionsClientID                => $own->{clientId},
        oidcOPMetaDataOptionsClientSecret            => $own->{clientSecret},
        oidcOPMetaDataOptionsScope                   => $own->{scope},
        oidcOPMetaDataOptionsCheckJWTSignature       => 1,
        oidcOPMetaDataOptionsUseNonce                => 1,
        oidcOPMetaDataOptionsIDTokenMaxAge           => 600,
        oidcOPMetaDataOptionsTokenEndpointAuthMethod => $methods{client_secret_post} ? 'client_secret_post' : 'client_secret_basic',
    };
    $self->refreshJWKSdataForOp( $name, 1 ) or die "its keys cannot be read\n";
    $self->read(time);
    return;
}

# @returns where the browser goes, and what the answer has to bring along
sub begin {
    my ( $self, $req ) = @_;
    my $name = $self->own->{name};
    $req->data->{_oidcOPCurrent} = $name;
    my $nonce = $req->data->{_oidcNonce} = $self->generateNonce;
    my $state = $self->storeState( $req, qw(urldc _oidcOPCurrent _oidcNonce) ) or die "the attempt cannot be stored\n";
    my $where = $self->buildAuthorizationCodeAuthnRequest( $req, $name, $state, $nonce ) or die "it cannot be asked\n";
    $where .= '&code_challenge_method=S256&code_challenge=' . encode_base64url( sha256( verifier($state) ) );
    return ( $where, $state );
}

# @returns the account; undefined if the answer proves none @throws where the provider cannot be asked
sub finish {
    my ( $self, $req ) = @_;
    my $name = $self->own->{name};
    my $own  = $self->opMetadata->{$name}{conf};
    my $iss  = $req->param('iss');

    # RFC 9207: which provider the browser comes from.
    return if defined $iss ? $iss ne $own->{issuer} : $own->{names_itself};
    $self->claims(undef);
    return if $self->extractFormInfo($req) != PE_OK || $req->data->{_oidcOPCurrent} ne $name;
    my $token = $self->claims or return;
    my ( $more, %said ) = ( {}, %$token );
    if ( $own->{userinfo_endpoint} ) {
        $more = $self->getUserInfo( $name, $req->data->{access_token} );
        return unless ref $more eq 'HASH' && ( $more->{sub} // '' ) eq $token->{sub};
        %said = ( %$more, %$token );
    }
    delete @{ $req->data }{qw(access_token refresh_token id_token access_token_eol op_sid id_token_sub)};
    my $text = sub { Medianest::Providers::text( $said{ $_[0] } ) };

    # An address and the word about it are of one answer.
    my $of = exists $token->{email_verified} ? $token : $more;
    my $verified = $of->{email_verified};
    my $groups = $said{ $self->own->{groupsClaim} } // [];
    return {
        subject  => $token->{sub},
        email    => defined $verified && ( JSON::is_bool($verified) ? $verified : $verified eq 'true' ) ? Medianest::Providers::address( $of->{email} ) : '',
        name     => $text->('name'),
        username => $text->('preferred_username') =~ s/\@.*//r,
        groups   => [ map { Medianest::Providers::text($_) } ref $groups eq 'ARRAY' ? @$groups : $groups ],

        # Of the signed token alone.
        mfa => ( grep { $_ eq 'mfa' } ref $token->{amr} eq 'ARRAY' ? @{ $token->{amr} } : () ) || $MORE_FACTORS{ $token->{acr} // '' } ? 1 : 0,
    };
}

# As the edge has it: with a / before the query.
sub getCallbackUri { my ( $self, $req ) = @_; return $req->portal . '?' . $self->conf->{oidcRPCallbackGetParam} . '=1' }

# RFC 7636: made of the state and the engine's key, so that it is kept nowhere.
sub verifier { return encode_base64url( hmac_sha256( "verifier $_[0]", $ENV{SIGN_ON_ENGINE_KEY} ) ) }

sub getAuthorizationCodeAccessToken {
    my ( $self, $req, $name, $code ) = @_;
    my %proof = ( code => $code, redirect_uri => $self->getCallbackUri($req), code_verifier => verifier( $req->param('state') ) );
    return $self->getAccessTokenFromTokenEndpoint( $req, $name, 'authorization_code', \%proof );
}

# The engine would take a signature by the client's secret too, which more than the provider know.
around decodeJWT => sub {
    my ( $next, $self, $jwt, @more ) = @_;
    my $head = eval { getJWTHeader($jwt) };
    return unless ref $head eq 'HASH' && ( $head->{alg} // '' ) =~ /\A(?:RS|PS|ES)(?:256|384|512)\z/;
    return scalar $self->$next( $jwt, @more );
};

around checkIDTokenValidity => sub {
    my ( $next, $self, $name, $token, $nonce ) = @_;
    my $client = $self->own->{clientId};
    my $sub    = $token->{sub};
    return 0 unless defined $sub && !ref $sub && $sub =~ /\A\P{C}{1,255}\z/ && defined $nonce;
    return 0 if grep { !looks_like_number( $token->{$_} ) } qw(exp iat);
    return 0 if $token->{iat} > time + CLOCKS_SECONDS || ( $token->{nbf} // 0 ) > time + CLOCKS_SECONDS;

    # The engine looks at `azp` from three audiences on.
    return 0 if defined $token->{azp} ? $token->{azp} ne $client : ref $token->{aud} && @{ $token->{aud} } > 1;
    return 0 unless $self->$next( $name, $token, $nonce );
    $self->claims($token);
    return 1;
};

# What is no answer is not written down: a token may be part of it.
sub decodeTokenResponse {
    my ( $self, $text ) = @_;
    my $said = eval { utf8::is_utf8($text) ? from_json($text) : decode_json($text) };
    return ref $said eq 'HASH' && !grep( { !defined $said->{$_} || ref $said->{$_} } qw(token_type access_token id_token) ) ? $said : { token_type => 'none' };
}

# The engine writes tokens that it refuses into the log, and what a browser brings along as it is.
package Medianest::OpenIdConnect::Log;

sub of { my ( $class, $inner ) = @_; return bless { inner => $inner }, $class }

for my $level (qw(debug info notice warn error)) {
    no strict 'refs';
    *$level = sub { my ( $self, $text ) = @_; return $self->{inner}->$level( $text =~ s/[\w-]{10,}\.[\w-]{10,}\.[\w-]*/(a token)/gr =~ s/\p{Cc}/ /gr ) };
}

1;
